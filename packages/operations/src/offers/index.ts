export { listOffers } from './list-offers.ts';
